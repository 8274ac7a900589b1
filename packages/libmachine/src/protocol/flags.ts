import { type GobInterfaceValue, type GobShape, gob } from "../gob/schema.js";

/** A create flag of a driver. Names are without dashes; booleans default to false. */
export type CreateFlag =
  | {
      readonly kind: "string";
      readonly name: string;
      readonly usage: string;
      readonly env: string;
      readonly default: string;
    }
  | {
      readonly kind: "integer";
      readonly name: string;
      readonly usage: string;
      readonly env: string;
      readonly default: number;
    }
  | { readonly kind: "boolean"; readonly name: string; readonly usage: string; readonly env: string }
  | {
      readonly kind: "list";
      readonly name: string;
      readonly usage: string;
      readonly env: string;
      readonly default: readonly string[];
    };

export type FlagValue = string | number | boolean | readonly string[];

const stringList = gob.slice(gob.string);
const common = { Name: gob.string, Usage: gob.string, EnvVar: gob.string } as const;
const stringFlag = gob.struct("StringFlag", { ...common, Value: gob.string });
const intFlag = gob.struct("IntFlag", { ...common, Value: gob.int });
const boolFlag = gob.struct("BoolFlag", common);
const listFlag = gob.struct("StringSliceFlag", { ...common, Value: stringList });

// Only the part behind the dot is looked at: forks name their packages as they like.
const FLAG_TYPES: Readonly<Record<string, GobShape>> = {
  StringFlag: stringFlag,
  IntFlag: intFlag,
  BoolFlag: boolFlag,
  StringSliceFlag: listFlag,
};

const shortName = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

/** The reply of GetCreateFlags: Go's `[]mcnflag.Flag`. */
export const createFlagsSchema = gob.slice(gob.interface((name) => FLAG_TYPES[shortName(name)]));

interface WireFlag {
  readonly Name: string;
  readonly Usage: string;
  readonly EnvVar: string;
  readonly Value?: string | number | readonly string[];
}

/** The flags of a reply. Flags of a kind that no known fork has are left out. */
export function fromWireFlags(reply: readonly (GobInterfaceValue | undefined)[]): readonly CreateFlag[] {
  return reply.flatMap((held) => {
    const flag = held === undefined ? undefined : fromWireFlag(shortName(held.name), held.value as WireFlag);
    return flag === undefined ? [] : [flag];
  });
}

function fromWireFlag(type: string, wire: WireFlag): CreateFlag | undefined {
  const flag = { name: wire.Name, usage: wire.Usage, env: wire.EnvVar };
  switch (type) {
    case "StringFlag":
      return { ...flag, kind: "string", default: wire.Value as string };
    case "IntFlag":
      return { ...flag, kind: "integer", default: wire.Value as number };
    case "BoolFlag":
      return { ...flag, kind: "boolean" };
    case "StringSliceFlag":
      return { ...flag, kind: "list", default: wire.Value as readonly string[] };
    default:
      return undefined;
  }
}

export function toWireFlags(flags: readonly CreateFlag[]): readonly GobInterfaceValue[] {
  return flags.map((flag) => {
    const wire = { Name: flag.name, Usage: flag.usage, EnvVar: flag.env };
    switch (flag.kind) {
      case "string":
        return { name: "*mcnflag.StringFlag", value: { ...wire, Value: flag.default } };
      case "integer":
        return { name: "*mcnflag.IntFlag", value: { ...wire, Value: flag.default } };
      case "boolean":
        return { name: "*mcnflag.BoolFlag", value: wire };
      case "list":
        return { name: "*mcnflag.StringSliceFlag", value: { ...wire, Value: flag.default } };
      default:
        return flag satisfies never;
    }
  });
}

const VALUE_TYPES: Readonly<Record<string, GobShape>> = {
  string: gob.string,
  int: gob.int,
  bool: gob.bool,
  "[]string": stringList,
};

const optionValues = gob.map(
  gob.string,
  gob.interface((name) => VALUE_TYPES[name]),
  "map[string]interface {}",
);
const rpcFlags = gob.struct("RPCFlags", { Values: optionValues });

/** Names under which builds of docker-machine's library register the options' type, in the order in which a host tries them. */
export const OPTIONS_TYPE_NAMES = ["*rpcdriver.RPCFlags", "*rpc.RPCFlags", "*rpcdriver.RpcFlags"] as const;

/** The argument of SetConfigFromFlags: an interface holding RPCFlags. */
export const optionsSchema = gob.interface((name) => (/\.R(?:PC|pc)Flags$/.test(name) ? rpcFlags : undefined));

export function toWireOptions(
  values: Readonly<Record<string, FlagValue>>,
  typeName: (typeof OPTIONS_TYPE_NAMES)[number],
): GobInterfaceValue {
  return {
    name: typeName,
    value: { Values: new Map(Object.entries(values).map(([key, value]) => [key, hold(value)])) },
  };
}

function hold(value: FlagValue): GobInterfaceValue {
  switch (typeof value) {
    case "string":
      return { name: "string", value };
    case "number":
      return { name: "int", value };
    case "boolean":
      return { name: "bool", value };
    case "object":
      return { name: "[]string", value };
    default:
      return value satisfies never;
  }
}

/** The values of the argument. A nil, a missing key and a value of another type are all the flag's default: they are left out. */
export function fromWireOptions(argument: GobInterfaceValue | undefined): ReadonlyMap<string, FlagValue> {
  const values = (
    argument?.value as { readonly Values?: ReadonlyMap<string, GobInterfaceValue | undefined> } | undefined
  )?.Values;
  const flags = new Map<string, FlagValue>();
  for (const [key, held] of values ?? []) {
    const value = held?.value;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") flags.set(key, value);
    else if (Array.isArray(value) && value.every((item) => typeof item === "string")) flags.set(key, value);
  }
  return flags;
}

/** Whether an error text says that the peer registered the options' type under another name. */
export function isUnknownTypeName(errorText: string): boolean {
  return errorText.includes("name not registered for interface");
}

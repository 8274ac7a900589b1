import type { OptionSpec, OptionSpecs } from "../contract/options.js";

/** The names under which one driver option can be set. */
export interface NamedOption {
  readonly key: string;
  /** Without the dashes: `qemu-accelerator`. */
  readonly flag: string;
  readonly env: string;
  /** As `mk config set` takes it: `qemu.accelerator`. */
  readonly setting: string;
  readonly spec: OptionSpec;
}

/** All options of a driver with their names, in the order of their declaration. */
export function namedOptions(driver: { readonly name: string; readonly options: OptionSpecs }): readonly NamedOption[] {
  return Object.entries(driver.options).map(([key, spec]) => {
    const kebab = toKebab(key);
    return {
      key,
      flag: `${driver.name}-${kebab}`,
      env: spec.env ?? `MK_${driver.name}_${kebab}`.replaceAll("-", "_").toUpperCase(),
      setting: `${driver.name}.${kebab}`,
      spec,
    };
  });
}

/** `vsockPorts` → `vsock-ports`, `qemuURI` → `qemu-uri`. */
export function toKebab(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}

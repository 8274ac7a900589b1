import { type GobShape, gob } from "../../src/index.js";

const registered: Readonly<Record<string, GobShape>> = {
  int: gob.int64,
  string: gob.string,
  bool: gob.bool,
  "[]string": gob.slice(gob.string),
};

const DESTINATIONS: Readonly<Record<string, GobShape>> = {
  Request: gob.struct("Request", { ServiceMethod: gob.string, Seq: gob.uint }),
  Point: gob.struct("Point", { X: gob.int, Y: gob.int }),
  bool: gob.bool,
  int: gob.int,
  uint: gob.uint64,
  string: gob.string,
  bytes: gob.bytes,
  "[]string": gob.slice(gob.string),
  map: gob.map(gob.string, gob.int),
  array3: { kind: "array", name: "", elem: gob.int, length: 3 },
  options: gob.interface((name) => registered[name]),
  ignore: gob.ignored,
};

/** What a malformed input is to be read into. */
export function destination(name: string): GobShape {
  const shape = DESTINATIONS[name];
  if (shape === undefined) throw new TypeError(`the vector file names the unknown destination ${name}`);
  return shape;
}

import { gob } from "../gob/schema.js";

/** What stands before each argument. `Seq` is the client's, and may be anything up to 2^64-1. */
export const requestSchema = gob.struct("Request", { ServiceMethod: gob.string, Seq: gob.uint64 });

/** What stands before each reply. Go sends the reply of a failed call as an empty struct. */
export const responseSchema = gob.struct("Response", {
  ServiceMethod: gob.string,
  Seq: gob.uint64,
  Error: gob.string,
});

/** Go's `struct{}`: the argument or the reply of methods that have none. */
export const emptySchema = gob.struct("", {});
export const EMPTY = {} as const;

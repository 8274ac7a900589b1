import { messageOf } from "../errors.js";
import type { CoreOperation } from "./operation.js";

/** Whether `work` succeeded; the user is told by a warning when it did not. Rejects only when the operation was aborted. */
export async function attempt(op: CoreOperation, failure: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    op.signal.throwIfAborted();
    op.emit({ type: "note", level: "warning", message: `${failure}: ${messageOf(error)}` });
    return false;
  }
}

import type { Progress } from "../contract/operation.js";
import type { MachineState } from "../contract/status.js";
import type { SerializedMkError } from "../errors.js";

/** What mk does, as events name it: all of it to a machine, but for `image-build`. A restart is a stop and a start. */
export type OperationName = "create" | "start" | "stop" | "delete" | "pause" | "resume" | "reconfigure" | "image-build";

/** What an event says. Discriminated by `type`; every type is listed in docs/events.md. */
export type EventData =
  | { readonly type: "operation.started"; readonly operation: OperationName }
  | {
      readonly type: "operation.finished";
      readonly operation: OperationName;
      readonly durationMs: number;
      readonly phases: readonly PhaseTiming[];
    }
  | {
      readonly type: "operation.failed";
      readonly operation: OperationName;
      readonly durationMs: number;
      readonly error: SerializedMkError;
    }
  | {
      readonly type: "step.started";
      readonly operation: OperationName;
      readonly step: string;
      readonly title: string;
      readonly parent?: string;
    }
  | {
      readonly type: "step.progress";
      readonly operation: OperationName;
      readonly step: string;
      readonly progress: Progress;
    }
  | {
      readonly type: "step.finished";
      readonly operation: OperationName;
      readonly step: string;
      readonly durationMs: number;
    }
  | {
      readonly type: "step.failed";
      readonly operation: OperationName;
      readonly step: string;
      readonly durationMs: number;
      readonly error: SerializedMkError;
    }
  | { readonly type: "machine.state"; readonly state: MachineState; readonly reason?: string }
  | {
      readonly type: "guest.marker";
      readonly marker: string;
      readonly uptimeSeconds: number;
      readonly fields: Readonly<Record<string, string>>;
    }
  | {
      readonly type: "driver.selected";
      readonly driver: string;
      readonly why: string;
      readonly alternates: readonly string[];
      readonly rejects: readonly { readonly driver: string; readonly reason: string; readonly fix?: string }[];
    }
  | { readonly type: "undo.started" | "undo.finished"; readonly operation: OperationName }
  | {
      readonly type: "note";
      readonly level: "info" | "warning";
      readonly message: string;
      readonly fields?: Readonly<Record<string, unknown>>;
    };

/** How long a step without a parent took. */
export interface PhaseTiming {
  readonly step: string;
  readonly title: string;
  readonly durationMs: number;
}

/** A CloudEvents 1.0 event; one JSON a line on the wire. `source` is `mk:///machines/<name>`; `type` is `dev.mk.<data.type>.v1`. */
export interface MkEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: EventData;
}

import type { Discovery, Host, Mk, MkEvent, UserConfig } from "@mk/core";
import type { DriverOptionFlags } from "./driver-flags.js";
import type { Flags } from "./flags.js";
import type { Output } from "./terminal/output.js";
import type { Palette } from "./terminal/palette.js";

/** What every command is given. */
export interface Context {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: NodeJS.ReadStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly palette: Palette;
  readonly output: "text" | "json";
  readonly quiet: boolean;
  /** mk's own directory. */
  readonly home: string;
  /** `--profile`, if it was given. */
  readonly profile: string | undefined;
  /** Options of drivers given as flags (`--qemu-accelerator tcg`). */
  readonly driverFlags: DriverOptionFlags;
  readonly host: () => Promise<Host>;
  readonly userConfig: () => Promise<UserConfig>;
  readonly discover: () => Promise<Discovery>;
  /** Shows an event of work that is no machine's. */
  readonly onEvent: (event: MkEvent) => void;
  /** Ends the live display, so that what is written next stands below it. */
  readonly endProgress: () => void;
  /** The embedding API, made when first asked for; its events go to the renderer. */
  readonly mk: () => Promise<Mk>;
}

/** A command: does its work; a number it answers is the exit code. */
export type Command = (context: Context, args: readonly string[], flags: Flags) => Promise<unknown>;

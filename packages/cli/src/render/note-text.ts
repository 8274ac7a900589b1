import type { EventData } from "@mk/core";

/** A note with its reason, if it has one: programs read it apart, people need both in one line. */
export function noteText({ message, fields }: Extract<EventData, { type: "note" }>): string {
  return typeof fields?.reason === "string" ? `${message} (${fields.reason})` : message;
}

import { MkError } from "@mk/core";

/** An element to be written; attributes that are undefined are left out. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  readonly children: readonly (XmlElement | string)[];
}

export type XmlChild = XmlElement | string | undefined | false;

/** Makes an element; children that are undefined or false are left out. */
export function element(
  name: string,
  attributes: XmlElement["attributes"] = {},
  ...children: readonly XmlChild[]
): XmlElement {
  return {
    name,
    attributes,
    children: children.filter((child): child is XmlElement | string => child !== undefined && child !== false),
  };
}

/** Writes an element as XML 1.0. INVALID_ARGUMENT for characters XML cannot carry at all, not even escaped. */
export function toXml(node: XmlElement, indent = ""): string {
  const attributes = Object.entries(node.attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join("");
  if (node.children.length === 0) return `${indent}<${node.name}${attributes}/>\n`;
  if (node.children.every((child) => typeof child === "string")) {
    return `${indent}<${node.name}${attributes}>${node.children.map(escapeXml).join("")}</${node.name}>\n`;
  }
  const inner = node.children
    .map((child) => (typeof child === "string" ? `${indent}  ${escapeXml(child)}\n` : toXml(child, `${indent}  `)))
    .join("");
  return `${indent}<${node.name}${attributes}>\n${inner}${indent}</${node.name}>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  // Written as references, since a parser turns the bare characters of an attribute into blanks.
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escapeXml(text: string): string {
  // XML 1.0 §2.2, Char: no other control characters, no lone surrogates, no U+FFFE and U+FFFF.
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u.test(text)) {
    throw new MkError("INVALID_ARGUMENT", `${JSON.stringify(text)} has a character that XML cannot carry`, {
      hint: "Use a path or name without control characters.",
    });
  }
  return text.replace(/[&<>"'\t\n\r]/g, (character) => ENTITIES[character] ?? character);
}

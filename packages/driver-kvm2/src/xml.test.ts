import { fc, test } from "@fast-check/vitest";
import { XMLParser } from "fast-xml-parser";
import { describe, expect } from "vitest";
import { element, toXml } from "./xml.js";

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
});
const xmlText = fc
  .string({ unit: "grapheme" })
  .filter((text) => !/[\u0000-\u001f\ufffe\uffff]|\p{Surrogate}/u.test(text));

describe("toXml", () => {
  test.prop([xmlText, xmlText.filter((text) => text.trim() !== "")])(
    "writes any text so that a parser reads the same",
    (attribute, text) => {
      const parsed = parser.parse(toXml(element("a", { b: attribute }, text)));
      expect(parsed.a["@b"]).toBe(attribute);
      expect(parsed.a["#text"]).toBe(text);
    },
  );

  test("keeps markup in a value from becoming markup", () => {
    const xml = toXml(element("name", {}, `x</name><devices a="1">&]]>'`));
    expect(xml).toBe("<name>x&lt;/name&gt;&lt;devices a=&quot;1&quot;&gt;&amp;]]&gt;&apos;</name>\n");
  });

  test.each(["\u0000", "a\u001b", "\ufffe", "\ud800"])("refuses %j, which XML cannot carry", (text) => {
    expect(() => toXml(element("a", {}, text))).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("leaves out attributes and children that are not there", () => {
    expect(toXml(element("a", { b: undefined }, undefined, false))).toBe("<a/>\n");
  });
});

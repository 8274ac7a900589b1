import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import {
  type AptConfiguration,
  parseAptConf,
  parseDeb822Sources,
  parseOneLineSources,
  readAptConfiguration,
} from "./apt-configuration.js";
import { chooseMirrors } from "./mirrors.js";

const none: AptConfiguration = { sources: [], proxy: {}, checkValidUntil: true };

test("reads sources of one line", () => {
  expect(
    parseOneLineSources(
      "# deb http://no x\ndeb [arch=amd64 signed-by=/k] http://m.example/debian/ bookworm main contrib # c\ndeb-src http://m.example/debian bookworm main\n",
    ),
  ).toEqual([{ uri: "http://m.example/debian", suites: ["bookworm"], components: ["main", "contrib"] }]);
});

test("reads sources of the deb822 kind, but not those that are switched off", () => {
  const text =
    "Types: deb deb-src\nURIs: http://a.example/debian http://b.example/debian\nSuites: trixie trixie-updates\nComponents: main\n\nEnabled: no\nTypes: deb\nURIs: http://c.example/debian\nSuites: trixie\nComponents: main\n";
  expect(parseDeb822Sources(text).map(({ uri }) => uri)).toEqual([
    "http://a.example/debian",
    "http://b.example/debian",
  ]);
});

test("reads apt.conf in both of its forms", () => {
  const settings = parseAptConf(`
    // a comment
    Acquire::http::Proxy "http://one.example:3128";
    Acquire { https { Proxy "http://two.example:3128"; }; Retries "3"; /* another */ };
    # and one more
    DPkg::Post-Invoke {"test -x /x && /x || true"; };
    Acquire::Check-Valid-Until "false";`);
  expect(settings.get("acquire::http::proxy")).toBe("http://one.example:3128");
  expect(settings.get("acquire::https::proxy")).toBe("http://two.example:3128");
  expect(settings.get("acquire::retries")).toBe("3");
  expect(settings.get("acquire::check-valid-until")).toBe("false");
});

test("follows the host's sources, proxy and choice about expired indexes", async () => {
  const root = await temporaryDirectory();
  await mkdir(join(root, "apt.conf.d"));
  await mkdir(join(root, "sources.list.d"));
  await writeFile(
    join(root, "apt.conf.d/80proxy"),
    'Acquire::http::Proxy "http://p.example:1";\nAcquire::Check-Valid-Until "no";',
  );
  await writeFile(join(root, "apt.conf.d/ignored.bak"), 'Acquire::http::Proxy "http://wrong.example:1";');
  await writeFile(
    join(root, "sources.list.d/debian.sources"),
    "Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\n",
  );
  expect(await readAptConfiguration(root)).toEqual({
    sources: [{ uri: "http://m.example/debian", suites: ["bookworm"], components: ["main"] }],
    proxy: { httpProxy: "http://p.example:1", httpsProxy: "http://p.example:1" },
    checkValidUntil: false,
  });
});

test("goes to https addresses directly where apt is told to", async () => {
  const root = await temporaryDirectory();
  await writeFile(join(root, "apt.conf"), 'Acquire::http::Proxy "http://p.example:1"; Acquire::https::Proxy "DIRECT";');
  const { proxy } = await readAptConfiguration(root);
  expect(proxy).toEqual({ httpProxy: "http://p.example:1", httpsProxy: undefined });
});

test("a host without apt has nothing to say", async () => {
  expect(await readAptConfiguration(join(await temporaryDirectory(), "none"))).toEqual({
    sources: [],
    proxy: { httpProxy: undefined, httpsProxy: undefined },
    checkValidUntil: true,
  });
});

test("a mirror that was named is the only one: the option before the environment", () => {
  const env = { MK_DEBIAN_MIRROR: "http://env.example/debian/" };
  expect(chooseMirrors({ option: "http://o.example/debian", env, apt: none }).map(({ archive }) => archive)).toEqual([
    "http://o.example/debian",
  ]);
  expect(chooseMirrors({ env, apt: none })).toMatchObject([
    {
      archive: "http://env.example/debian",
      security: ["http://env.example/debian-security", expect.anything(), expect.anything(), expect.anything()],
    },
  ]);
});

test("the host's own mirror comes before those that Debian publishes; other archives are no mirrors", () => {
  const apt = {
    ...none,
    sources: [
      { uri: "https://packages.example.com/apt", suites: ["tool"], components: ["main"] },
      { uri: "http://m.example/ubuntu", suites: ["noble"], components: ["main"] },
      { uri: "cdrom:[Debian]/debian", suites: ["bookworm"], components: ["main"] },
      { uri: "http://m.example/debian", suites: ["bookworm", "bookworm-updates"], components: ["main"] },
      { uri: "http://s.example/debian-security", suites: ["bookworm-security"], components: ["main"] },
    ],
  };
  const mirrors = chooseMirrors({ env: {}, apt });
  expect(mirrors.slice(0, 2).map(({ archive }) => archive)).toEqual([
    "http://m.example/debian",
    "http://ftp.debian.org/debian",
  ]);
  expect(mirrors[0]?.security.slice(0, 2)).toEqual([
    "http://s.example/debian-security",
    "http://m.example/debian-security",
  ]);
});

#!/usr/bin/env node
// The public API of every package as a file in api/: a change to it is then seen in review, and every export has its TSDoc. `--update` writes the files.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const update = process.argv.includes("--update");
const reports = resolve("api");
mkdirSync(reports, { recursive: true });
let failed = false;

for (const folder of readdirSync("packages")) {
  const packageFolder = resolve("packages", folder);
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));
  if (manifest.private || !manifest.exports?.["."]) continue;
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(packageFolder, "package.json"),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: packageFolder,
      mainEntryPointFilePath: join(packageFolder, "dist/index.d.ts"),
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: "ES2022",
            module: "NodeNext",
            moduleResolution: "NodeNext",
            lib: ["ES2023", "ESNext.Disposable"],
            types: ["node"],
            skipLibCheck: true,
          },
        },
      },
      apiReport: {
        enabled: true,
        reportFolder: reports,
        reportTempFolder: join(packageFolder, "node_modules/.cache/api"),
        reportFileName: folder,
        includeForgottenExports: false,
      },
      newlineKind: "lf",
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: { default: { logLevel: "none" } },
        tsdocMessageReporting: { default: { logLevel: "none" } },
        compilerMessageReporting: { default: { logLevel: "none" } },
      },
    },
  });
  if (!existsSync(join(packageFolder, "dist/index.d.ts")))
    throw new Error(`${folder} is not built: run pnpm build first`);
  const { apiReportChanged } = Extractor.invoke(config, {
    localBuild: update,
    messageCallback: (message) => Object.assign(message, { handled: true }),
  });
  const silent = readFileSync(join(reports, `${folder}.api.md`), "utf8").match(
    /(?<=^\/\/ @public \(undocumented\)\n)export .*/gm,
  );
  if (silent !== null) {
    failed = true;
    console.error(`@mk/${folder} exports without a word of TSDoc:\n  ${silent.join("\n  ")}`);
  }
  if (apiReportChanged && !update) {
    failed = true;
    console.error(
      `the public API of @mk/${folder} is not what api/${folder}.api.md says: if that is meant, run node scripts/api-report.mjs --update`,
    );
  }
}
process.exit(failed ? 1 : 0);

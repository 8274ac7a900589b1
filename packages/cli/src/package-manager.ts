import type { Host } from "@mk/core";

/** A package manager by the name that drivers' `packages` have for it. */
export interface PackageManager {
  readonly name: "apt" | "dnf" | "pacman" | "zypper" | "apk" | "brew" | "winget";
  /** Absolute path of its program. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

const PROGRAMS = [
  ["apt", "apt-get", ["linux"]],
  ["dnf", "dnf", ["linux"]],
  ["pacman", "pacman", ["linux"]],
  ["zypper", "zypper", ["linux"]],
  ["apk", "apk", ["linux"]],
  ["brew", "brew", ["darwin", "linux"]],
  ["winget", "winget", ["win32"]],
] as const;

/** The package managers of this system, its own first. */
export async function packageManagers(host: Pick<Host, "platform" | "which">): Promise<readonly PackageManager[]> {
  const found: PackageManager[] = [];
  for (const [name, command, platforms] of PROGRAMS) {
    if (!(platforms as readonly string[]).includes(host.platform)) continue;
    const program = await host.which(command);
    const env: Record<string, string> = name === "apt" ? { DEBIAN_FRONTEND: "noninteractive" } : {};
    if (program !== undefined) found.push({ name, program, env });
  }
  return found;
}

/** The commands, argument by argument, that install packages without questions; through sudo where root is needed and we are not. */
export function installCommand(
  manager: Pick<PackageManager, "name" | "program">,
  packages: readonly string[],
  uid: number,
): readonly (readonly string[])[] {
  const { name, program } = manager;
  const asRoot = (argv: readonly string[]) => (uid === 0 ? argv : ["sudo", ...argv]);
  switch (name) {
    case "apt":
      // The lists of a fresh image are empty or old.
      return [
        asRoot([program, "update"]),
        asRoot([program, "install", "-y", "--no-install-recommends", "--", ...packages]),
      ];
    case "dnf":
    case "zypper":
      return [asRoot([program, "install", "-y", ...packages])];
    case "pacman":
      return [asRoot([program, "-S", "--needed", "--noconfirm", ...packages])];
    case "apk":
      return [asRoot([program, "add", ...packages])];
    case "brew":
      // Homebrew refuses root and asks for sudo itself where a cask needs it.
      return [[program, "install", ...packages]];
    case "winget":
      return packages.map((id) => [program, "install", "--exact", "--id", id, "--accept-package-agreements"]);
    default:
      throw name satisfies never;
  }
}

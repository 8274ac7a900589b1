import type { GuestArch } from "@mk/core";

const COMMON = [
  "quiet", // markers, not the kernel's log
  "loglevel=3",
  "panic=-1", // a guest that died must not burn a core
  "random.trust_cpu=on",
  "cryptomgr.notests", // 0.3 s of self-tests
  "rcupdate.rcu_expedited=1",
  "audit=0",
  "apparmor=0", // the image has no profiles
  "nowatchdog",
];

/** Parameters every VM of this image boots with; a driver adds the machine's own. */
export const CMDLINE: Readonly<Record<GuestArch, string>> = {
  amd64: ["console=ttyS0", ...COMMON, "no_timer_check", "8250.nr_uarts=1", "i8042.noaux"].join(" "),
  arm64: ["console=ttyAMA0", ...COMMON].join(" "),
};

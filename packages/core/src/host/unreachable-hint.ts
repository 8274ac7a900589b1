/** For a machine that is there and does not answer: what is dropped on the way shows in no error. */
export const UNREACHABLE_HINT = "Look whether a VPN or a firewall on this computer drops what is sent there.";

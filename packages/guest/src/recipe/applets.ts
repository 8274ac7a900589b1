/** Names under which busybox is linked into the guest; a name that a package has taken stays with the package. */
export const APPLETS: readonly string[] = (
  "[ [[ acpid adjtimex ar arch arp arping ascii ash awk base64 basename bc " +
  "blkdiscard blockdev brctl bunzip2 bzcat bzip2 cal cat chgrp chmod chown chroot clear cmp " +
  "cp cpio crc32 cttyhack cut date dc dd devmem df diff dirname dmesg dnsdomainname " +
  "dos2unix du dumpleases echo ed egrep env expand expr factor fallocate false fatattr fdisk " +
  "fgrep find findfs fold free freeramdisk fsfreeze fstrim getfattr getopt grep groups gunzip gzip " +
  "head hexdump hostid hostname hwclock i2cdetect i2cdump i2cget i2cset i2ctransfer id ifconfig ifdown ifup " +
  "install ionice ip ipcalc kill killall klogd less link linux32 linux64 ln logger logname " +
  "logread losetup ls lsscsi lzcat lzma lzop md5sum mdev microcom mkdir mkfifo mknod mkpasswd " +
  "mkswap mktemp more mount mt mv nameif nbd-client nc netstat nl nologin nproc nsenter " +
  "nslookup od partprobe paste patch pidof ping ping6 pivot_root printf ps pwd rdate readlink " +
  "realpath renice reset rev rm rmdir route run-parts sed seq setpriv setsid sh sha1sum " +
  "sha256sum sha3sum sha512sum shred shuf sleep sort ssl_client start-stop-daemon stat strings stty swapoff swapon " +
  "switch_root sync sysctl syslogd tac tail tar taskset tc tee test time timeout top " +
  "touch tr traceroute traceroute6 true truncate tty tunctl udhcpc udhcpc6 uevent umount uname uncompress " +
  "unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vconfig vi " +
  "w watch watchdog wc wget which who whoami xargs xxd xz xzcat yes zcat"
).split(" ");

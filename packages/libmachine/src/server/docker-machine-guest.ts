import { type Driver, type MachineHandle, MkError } from "@mk/core";

/**
 * docker-machine's provisioning knows the guest systems of its time and configures the engine in each one's own way; of these boot2docker's is the
 * simplest: a profile, three certificates and an init script. This script gives mk's guest those. What docker-machine writes is kept on the data disk and
 * applied again after each boot, since the root is fresh then.
 *
 * From libmachine/provision/boot2docker.go and utils.go.
 */
const SCRIPT = `exec sudo sh -s <<'END'
set -eu
mkdir -p /opt/boot2docker/etc /etc/init.d
[ -e /var/lib/boot2docker ] || ln -s /opt/boot2docker /var/lib/boot2docker
sed -i 's/^ID=.*/ID=boot2docker/' /etc/os-release

cat >/usr/bin/sethostname <<'FILE'
#!/bin/sh
exec hostname "$1"
FILE

cat >/etc/init.d/docker <<'FILE'
#!/bin/sh
# docker-machine stops the engine, writes its settings and starts it: one restart does for both.
case $1 in
  start | restart) ;;
  *) exit 0 ;;
esac
set -eu
. /var/lib/boot2docker/profile
list() {
  out=
  option=
  for word in $EXTRA_ARGS; do
    case $word in
      "$1="*) out="$out\${out:+,}\\"\${word#*=}\\"" ;;
      *) [ "$option" != "$1" ] || out="$out\${out:+,}\\"$word\\"" ;;
    esac
    option=$word
  done
  echo "[$out]"
}
# The host reaches the engine's port 2376 under a number of its own where the network is not shared: docker-machine waits for that one.
hosts='"unix:///run/docker.sock","tcp://0.0.0.0:2376"'
address=\${DOCKER_HOST#-H }
[ "\${address##*:}" = 2376 ] || hosts="$hosts,\\"$address\\""
cat >/etc/docker/daemon.json <<JSON
{
  "hosts": [$hosts],
  "tls": true,
  "tlsverify": true,
  "tlscacert": "$CACERT",
  "tlscert": "$SERVERCERT",
  "tlskey": "$SERVERKEY",
  "storage-driver": "$DOCKER_STORAGE",
  "labels": $(list --label),
  "insecure-registries": $(list --insecure-registry),
  "registry-mirrors": $(list --registry-mirror)
}
JSON
pid=$(cat /run/mk/dockerd.pid)
kill "$pid"
while kill -0 "$pid" 2>/dev/null; do usleep 50000; done
until netstat -tln | grep -q ":\${address##*:}\\>"; do usleep 200000; done
FILE
chmod 755 /usr/bin/sethostname /etc/init.d/docker
[ ! -e /opt/boot2docker/profile ] || /etc/init.d/docker start
END
`;

/** Makes mk's guest take what docker-machine's provisioning does to it. Machines that bring their own system are left as they are. */
export async function prepareForDockerMachine(driver: Driver, machine: MachineHandle): Promise<void> {
  if (driver.traits.image === "none") return;
  const { exitCode, stderr } = await machine.script(SCRIPT);
  if (exitCode === 0) return;
  throw new MkError(
    "GUEST_UNSUPPORTED",
    `the guest cannot be prepared for docker-machine: ${stderr.trim().slice(-300)}`,
    {
      details: { exitCode },
    },
  );
}

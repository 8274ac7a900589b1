/** What every driver's JSON carries beside its own: Go's embedded BaseDriver. */
export interface BaseConfig {
  readonly IPAddress: string;
  readonly MachineName: string;
  readonly SSHUser: string;
  readonly SSHPort: number;
  readonly SSHKeyPath: string;
  /** The store, not the machine's folder, which is `machines/<name>` in it. */
  readonly StorePath: string;
  readonly SwarmMaster: boolean;
  readonly SwarmHost: string;
  readonly SwarmDiscovery: string;
}

/** The JSON of a driver that has not seen its flags yet, as docker-machine sends it first. */
export function newBaseConfig(machineName: string, storePath: string): BaseConfig {
  return {
    IPAddress: "",
    MachineName: machineName,
    SSHUser: "",
    SSHPort: 0,
    SSHKeyPath: "",
    StorePath: storePath,
    SwarmMaster: false,
    SwarmHost: "",
    SwarmDiscovery: "",
  };
}

/** Objects of the fake engine, as far as the driver looks at them. Names of fields are the API's. */
export interface FakeContainer {
  readonly id: string;
  name: string;
  readonly request: ContainerBody;
  state: "created" | "running" | "paused" | "exited" | "dead";
  error: string;
  finishedAt: string;
  console: { readonly at: number; readonly text: string }[];
  readonly files: string[];
  /** The last tar that was unpacked in it, as text. */
  archive: string;
  readonly networkId: string;
  readonly watchers: Set<() => void>;
}

export interface ContainerBody {
  readonly Image: string;
  readonly Hostname?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly HostConfig: HostConfig;
  readonly NetworkingConfig?: {
    readonly EndpointsConfig: Readonly<Record<string, { readonly IPAMConfig?: { readonly IPv4Address?: string } }>>;
  };
}

export interface HostConfig {
  Privileged?: boolean;
  CapAdd?: readonly string[];
  Devices?: readonly { readonly PathOnHost: string }[];
  NetworkMode?: string;
  Mounts?: readonly { readonly Type: string; readonly Source: string }[];
  PortBindings?: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>>;
  NanoCpus?: number;
  Memory?: number;
}

export interface FakeNetwork {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly subnet: string;
  readonly options?: Readonly<Record<string, string>>;
}

export interface FakeVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface FakeImage {
  readonly id: string;
  readonly tag: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly created: number;
}

/** What the engine answers a request with that it refuses. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

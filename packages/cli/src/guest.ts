import type { Host, ImageSource } from "@mk/core";

export interface GuestModule {
  guestImages(options: { readonly home: string; readonly host: Host; readonly mirror?: string }): ImageSource;
}

export async function loadGuest(): Promise<GuestModule> {
  return (await import("@mk/guest")) as unknown as GuestModule;
}

/** What survives `JSON.parse(JSON.stringify(x))` unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
/** An object of plain data. Members that are undefined are left out when it is written. */
export type JsonObject = { readonly [key: string]: Json | undefined };

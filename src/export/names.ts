/** What an export can be asked for. */
export const exportFormats = ["ndjson", "csv"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const exportViews = ["events", "flat", "flat-sessions", "ocsf", "ecs"] as const;
export type ExportView = (typeof exportViews)[number];

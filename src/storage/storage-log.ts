/** The part of Nest's logger that storage uses, so that the command line can do without Nest. */
export interface StorageLog {
  warn(context: object, message: string): void;
  error(context: object, message: string): void;
}

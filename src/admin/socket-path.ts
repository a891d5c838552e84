// Where the admin socket of a data directory lies.
import { join, resolve } from 'node:path';

/** A Unix socket's address holds so many bytes, the last one being zero. */
export const SOCKET_PATH_BYTES_MAX = 107;

export const adminSocketPath = (dataDir: string): string => join(resolve(dataDir), 'admin.sock');

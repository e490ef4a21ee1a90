import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { v7 } from 'uuid';
import { systemErrorCode } from '../../errors/reason.ts';
import { ifPresent, makeFolder } from '../../files/durable-file.ts';
import { readOrCreateSecret, type Owner } from '../../files/secret-file.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';

const run = promisify(execFile);

const USER = 'face_api';
const DATABASE = 'face_api';
const ATTEMPT_EVERY_MS = 50;
const START_TIMEOUT_MS = 60_000;
/** Session-level lock that each process holds in shared mode while it uses the server. Free: nobody uses the server. */
const PRESENCE_LOCK = `hashtextextended('face-api presence', 0)`;

interface Running {
  readonly pid: number;
  readonly port: number;
}

/**
 * The embedded PostgreSQL, with its data in the data folder. Several processes may use it: the first starts it, the others
 * join it, and the last one stops it. A server that still runs after its processes were killed is joined like any other.
 * The binaries come from the package embedded-postgres. Its class is not used, because it can neither join a server nor
 * leave one running.
 */
export class EmbeddedPostgres {
  readonly #cluster: string;
  readonly #passwordFile: string;
  readonly #logFile: string;
  readonly #dataFolder: string;
  #presence: pg.Client | undefined;
  #url: string | undefined;

  constructor(dataFolder: string) {
    this.#dataFolder = resolve(dataFolder);
    this.#cluster = join(this.#dataFolder, 'postgres');
    this.#passwordFile = join(this.#dataFolder, 'postgres.password');
    this.#logFile = join(this.#dataFolder, 'postgres.log');
  }

  /**
   * Starts the server or joins a running one. Returns at once while the server is running; restarts it after a failure.
   * @returns URL of the database
   * @throws EmbeddedPostgresError
   */
  async join(): Promise<string> {
    if (this.#presence && this.#url !== undefined) return this.#url;
    const binaries = await findBinaries();
    const owner = await ownerOfCluster();
    await makeFolder(this.#dataFolder, true, 0o711);
    const password = await this.#readOrCreatePassword(owner);
    await this.#initialize(binaries, owner);
    const { client, port } = await this.#connectOrStart(binaries, owner, password);
    client.on('end', () => {
      if (this.#presence === client) this.#presence = undefined;
    });
    this.#presence = client;
    this.#url = databaseUrl(port, password, DATABASE);
    await createDatabase(client);
    return this.#url;
  }

  /** Stops the server unless another process uses it. */
  async leave(): Promise<void> {
    const client = this.#presence;
    this.#presence = undefined;
    if (!client) return;
    await client.query(`SELECT pg_advisory_unlock_shared(${PRESENCE_LOCK})`);
    const { rows } = await client.query<{ last: boolean }>(`SELECT pg_try_advisory_lock(${PRESENCE_LOCK}) AS last`);
    if (rows[0]?.last === true) await this.#stop();
    await client.end();
  }

  /** Stops a server that still runs in the data folder, so that the folder can be deleted. */
  static async stopLeftOver(dataFolder: string): Promise<void> {
    const server = new EmbeddedPostgres(dataFolder);
    if (!(await server.#readPidFile())) return;
    await server.join();
    await server.leave();
  }

  async #connectOrStart(
    binaries: Binaries,
    owner: Owner | undefined,
    password: string,
  ): Promise<{ client: pg.Client; port: number }> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    let starting: Starting | undefined;
    while (performance.now() < deadline) {
      const running = await this.#readPidFile();
      const client = running && (await tryToConnect(running.port, password));
      if (client && (await takePresence(client))) return { client, port: running.port };
      if (running && !client && !(await isPostgres(running.pid))) {
        // Another process has this ID now: PostgreSQL would take it for a running server and not start.
        await rm(join(this.#cluster, 'postmaster.pid'), { force: true });
      }
      if (starting?.exited() === true) {
        // Another process may have been faster: then there is a server to join. If not, the log has the reason.
        if (!(await this.#readPidFile())) throw await this.#startFailure();
        starting = undefined;
      }
      if (!running) starting ??= await this.#start(binaries, owner);
      await sleep(ATTEMPT_EVERY_MS);
    }
    throw await this.#startFailure();
  }

  /** In its own process group, so that neither Ctrl-C nor the end of this process stops it while others use it. */
  async #start({ postgres }: Binaries, owner: Owner | undefined): Promise<Starting> {
    const log = await open(this.#logFile, 'w', 0o600);
    try {
      const settings = {
        listen_addresses: '127.0.0.1',
        port: await freePort(),
        unix_socket_directories: '',
        logging_collector: 'off',
        log_min_messages: 'warning',
        max_connections: 100,
      };
      const child = spawn(
        postgres,
        ['-D', this.#cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        { ...owner, detached: true, stdio: ['ignore', log.fd, log.fd], env: cleanEnvironment() },
      );
      let exited = false;
      const end = () => {
        exited = true;
      };
      child.once('exit', end);
      child.once('error', end);
      child.unref();
      return { exited: () => exited };
    } finally {
      await log.close();
    }
  }

  async #startFailure(): Promise<EmbeddedPostgresError> {
    const log = (await ifPresent(readFile(this.#logFile, 'utf8'))) ?? '';
    const reason = log.trim().split('\n').slice(-3).join(' / ');
    return new EmbeddedPostgresError(
      `PostgreSQL in ${this.#cluster} does not start${reason === '' ? '' : ` (${reason})`}. ` +
        'The user that runs it needs access to that folder; or set DATABASE_URL to another server',
    );
  }

  async #stop(): Promise<void> {
    const running = await this.#readPidFile();
    if (!running) return;
    const { pg_ctl: pgCtl } = await findBinaries();
    const owner = await ownerOfCluster();
    await run(pgCtl, ['stop', '-D', this.#cluster, '-m', 'fast', '-w', '-t', '60'], {
      ...owner,
      cwd: this.#cluster,
      env: cleanEnvironment(),
    });
  }

  /** In a temporary folder, which is then renamed: a cluster is complete or absent, even if two processes create it. */
  async #initialize({ initdb }: Binaries, owner: Owner | undefined): Promise<void> {
    if ((await ifPresent(readFile(join(this.#cluster, 'PG_VERSION')))) !== undefined) return;
    const unfinished = `${this.#cluster}.${v7()}`;
    await mkdir(unfinished, { mode: 0o700 });
    try {
      if (owner) await chown(unfinished, owner.uid, owner.gid);
      await run(
        initdb,
        [
          `--pgdata=${unfinished}`,
          `--username=${USER}`,
          `--pwfile=${this.#passwordFile}`,
          '--auth=scram-sha-256',
          '--encoding=UTF8',
          '--no-locale',
        ],
        { ...owner, cwd: unfinished, env: cleanEnvironment() },
      );
      await rename(unfinished, this.#cluster);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      const code = systemErrorCode(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
      const { stderr } = error as { stderr?: string };
      throw new EmbeddedPostgresError(
        `PostgreSQL cannot be set up in ${this.#cluster} (${(stderr ?? String(error)).trim()}). ` +
          'The user that runs it needs access to that folder; or set DATABASE_URL to another server',
      );
    }
  }

  async #readOrCreatePassword(owner: Owner | undefined): Promise<string> {
    const make = () => `${randomBytes(24).toString('hex')}\n`;
    const { content } = await readOrCreateSecret(this.#passwordFile, make, owner);
    return content.toString('utf8').trim();
  }

  /** Lines of the file: process ID, folder, start time, port, and more. */
  async #readPidFile(): Promise<Running | undefined> {
    const text = await ifPresent(readFile(join(this.#cluster, 'postmaster.pid'), 'utf8'));
    const [pid, , , port] = (text ?? '').split('\n').map(Number);
    if (!pid || !port || !isAlive(pid)) return undefined;
    return { pid, port };
  }
}

interface Starting {
  exited(): boolean;
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pg_ctl: string;
}

/** The package of this platform is a dependency of embedded-postgres and is resolved from there. */
async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const embeddedPostgres = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    return (await import(embeddedPostgres.resolve(`@embedded-postgres/${platform}`))) as Binaries;
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL is not available on ${platform}. Set DATABASE_URL to a PostgreSQL server, version 15 or later`,
      { cause: error },
    );
  }
}

/** PostgreSQL does not run as root: it then runs as the user postgres, which is created if it does not exist. */
async function ownerOfCluster(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const find = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  try {
    await find('-u');
  } catch {
    // `id` fails if the user does not exist. If it failed for another reason, so does useradd.
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
  }
  return { uid: await find('-u'), gid: await find('-g') };
}

/** Without PGDATA, PGPORT and so on, and with messages in English. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

async function tryToConnect(port: number, password: string): Promise<pg.Client | undefined> {
  const client = new pg.Client({
    connectionString: databaseUrl(port, password, 'postgres'),
    connectionTimeoutMillis: 2000,
    application_name: 'face-api presence',
    keepAlive: true,
  });
  // A broken connection is noticed by its 'end' event; without this listener, its error would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end();
    const { code } = error as { code?: string };
    if (code === '28P01') {
      throw new EmbeddedPostgresError(
        'PostgreSQL in the data folder does not accept the password in postgres.password',
        { cause: error },
      );
    }
    return undefined;
  }
}

/** False: another process is about to stop the server. */
async function takePresence(client: pg.Client): Promise<boolean> {
  try {
    const { rows } = await client.query<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock_shared(${PRESENCE_LOCK}) AS taken`,
    );
    if (rows[0]?.taken === true) return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // The server stopped after the connection was made: it cannot be joined.
  }
  await client.end();
  return false;
}

async function createDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = $1`, [DATABASE]);
  if (rowCount !== 0) return;
  try {
    await client.query(`CREATE DATABASE ${DATABASE}`);
  } catch (error) {
    // Another process that joined at the same time created it.
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
  }
}

function databaseUrl(port: number, password: string, database: string): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not permitted to signal it: it exists.
    return systemErrorCode(error) === 'EPERM';
  }
}

/** Only Linux tells the name of a process. On other systems, every running process counts as PostgreSQL. */
async function isPostgres(pid: number): Promise<boolean> {
  const name = await ifPresent(readFile(`/proc/${pid}/comm`, 'utf8'));
  return name === undefined ? process.platform !== 'linux' : name.trim() === 'postgres';
}

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => {
        resolvePort(port);
      });
    });
  });
}

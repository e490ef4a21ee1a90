import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import { SessionStore } from '../session-store.ts';
import { Database } from './database.ts';
import { type SessionRow, sessionEntity } from './session.entity.ts';
import { withDatabase } from './with-database.ts';

const UNAVAILABLE = 'Sessions are stored in the database, which is unavailable';

/** Sessions that survive a restart and are valid in every instance. Without the database, nobody can log in. */
@Injectable()
export class DatabaseSessionStore extends SessionStore {
  constructor(
    private readonly database: Database,
    @InjectRepository(sessionEntity) private readonly sessions: Repository<SessionRow>,
  ) {
    super();
  }

  override async add(session: SessionRow): Promise<void> {
    await this.withDatabase(() => this.sessions.insert(session));
  }

  override find(digest: string): Promise<SessionRow | null> {
    return this.withDatabase(() => this.sessions.findOneBy({ digest }));
  }

  override async touch(digest: string, lastSeenAt: Date): Promise<void> {
    await this.withDatabase(() => this.sessions.update({ digest }, { lastSeenAt }));
  }

  override async remove(digest: string): Promise<void> {
    await this.withDatabase(() => this.sessions.delete({ digest }));
  }

  override async sweep(createdBefore: Date, lastSeenBefore: Date): Promise<void> {
    await this.withDatabase(() =>
      this.sessions.delete([{ createdAt: LessThan(createdBefore) }, { lastSeenAt: LessThan(lastSeenBefore) }]),
    );
  }

  private withDatabase<Result>(work: () => Promise<Result>): Promise<Result> {
    return withDatabase(this.database, UNAVAILABLE, work);
  }
}

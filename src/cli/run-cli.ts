import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../config/configuration.ts';
import { reasonOf } from '../errors/reason.ts';
import { VERSION } from '../version.ts';
import { addAdmin } from './admin.ts';
import { addAudit } from './audit.ts';
import { type CliContext, NotCheckedError, UsageError } from './context.ts';
import { addEvaluate } from './evaluate.ts';
import { addDetect, addMask } from './files/commands.ts';
import { addModels } from './models.ts';
import { addReceipt } from './receipt.ts';
import { addReview } from './review.ts';
import { addServe } from './serve.ts';
import { addStorage } from './storage.ts';

const EXIT_CODES =
  '\nExit codes: 0 success, 1 failed or partly failed, 2 invalid command, 3 nothing was checked (audit).';

/** Runs one command and returns the exit code. Errors are one line on stderr, never a stack trace. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = createProgram(context);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    const { exitCode, message, instead = `${nameOf(program, args)} --help` } = outcomeOf(error);
    if (message !== null) context.stderr.write(`error: ${message}${exitCode === 2 ? `; run: ${instead}` : ''}\n`);
    return exitCode;
  }
}

function createProgram(context: CliContext): Command {
  const program = new Command('face-api')
    .description('Detects and masks faces in images: the service and its tools')
    .version(VERSION)
    .helpCommand(false)
    .exitOverride()
    .addHelpText('afterAll', EXIT_CODES)
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      // runCli reports errors, with a hint to the help.
      outputError: () => undefined,
    });
  addServe(program);
  addMask(program, context);
  addDetect(program, context);
  addModels(program, context);
  addStorage(program, context);
  addReview(program, context);
  addReceipt(program, context);
  addAdmin(program, context);
  addEvaluate(program, context);
  addAudit(program);
  for (const group of program.commands) group.helpCommand(false);
  return program;
}

interface Outcome {
  readonly exitCode: number;
  readonly message: string | null;
  /** What to run instead of the help of the command. */
  readonly instead?: string | undefined;
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof UsageError) return { exitCode: 2, message: error.message, instead: error.instead };
  if (error instanceof NotCheckedError) return { exitCode: 3, message: error.message };
  if (!(error instanceof CommanderError)) {
    return { exitCode: error instanceof ConfigurationError ? 2 : 1, message: reasonOf(error) };
  }
  if (error.exitCode === 0) return { exitCode: 0, message: null };
  // Without a subcommand, the help is the message.
  if (error.code === 'commander.help') return { exitCode: 2, message: null };
  return { exitCode: 2, message: error.message.replace(/^error: |\.$/g, '').replaceAll('\n', ' ') };
}

/** The command that the arguments name, such as `face-api models download`. */
function nameOf(program: Command, args: readonly string[]): string {
  const names = [program.name()];
  let command: Command | undefined = program;
  for (const arg of args) {
    command = command.commands.find((candidate) => candidate.name() === arg);
    if (!command) break;
    names.push(command.name());
  }
  return names.join(' ');
}

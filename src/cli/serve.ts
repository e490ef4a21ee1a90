import type { Command } from 'commander';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('start the service, with the settings of the environment and of .env')
    .action(async () => {
      await import('../main.ts');
    });
}

/**
 * Each folder of src/ imports only from those below it in this list (see docs/architecture.md).
 * An array is one rank whose members do not know each other.
 */
const ranks = [
  ['cli'],
  ['evaluation'],
  ['main.ts'],
  ['start.ts'],
  ['openapi.ts'],
  ['app.setup.ts', 'announce.ts'],
  ['openapi-document.ts'],
  ['app.module.ts'],
  ['health', 'admin', 'home'],
  ['jobs', 'review'],
  ['detection', 'masking', 'traffic'],
  ['inference', 'receipts'],
  ['storage'],
  ['http'],
  ['fetching'],
  ['models'],
  ['metrics', 'tracing'],
  ['config'],
  ['files'],
  ['errors'],
  ['start-log.ts', 'version.ts'],
  ['vision'],
];

const path = (name) => `^src/${name.replace('.', '\\.')}${name.endsWith('.ts') ? '$' : '/'}`;

const downOnly = ranks.flatMap((rank, level) =>
  rank.map((name) => ({
    name: `${name}-imports-only-downwards`,
    severity: 'error',
    from: { path: path(name) },
    to: {
      path: ranks
        .slice(0, level + 1)
        .flat()
        .filter((other) => other !== name)
        .map(path),
    },
  })),
);

module.exports = {
  forbidden: [
    ...downOnly.filter((rule) => rule.to.path.length > 0),
    {
      name: 'batches-need-no-http',
      comment: 'only src/jobs/api/ knows requests and responses',
      severity: 'error',
      from: { path: '^src/jobs/', pathNot: '^src/jobs/api/' },
      to: { path: ['^src/http/', '^src/jobs/api/'] },
    },
    {
      name: 'review-needs-no-http',
      comment: 'only src/review/api/ knows requests and responses',
      severity: 'error',
      from: { path: '^src/review/', pathNot: '^src/review/api/' },
      to: { path: ['^src/http/', '^src/review/api/'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'vision-is-pure',
      comment: 'numbers and typed arrays only: no framework, no native library, no file, no environment',
      severity: 'error',
      from: { path: '^src/vision/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^src/vision/' },
    },
    {
      name: 'worker-stands-alone',
      comment: 'worker threads load no Nest: start-up time, memory, and decorators that the worker could not run',
      severity: 'error',
      from: { path: '^src/inference/worker/' },
      to: { path: ['@nestjs/', '\\.(module|service|controller)\\.ts$'] },
    },
    {
      name: 'one-way-to-onnx-runtime',
      comment: 'src/models/onnx-runtime.ts keeps the library from reporting to its maker',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/models/onnx-runtime\\.ts$' },
      to: { path: 'onnxruntime-node' },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};

/** What a script has to do to survive an interruption, in the words of what it is made with. */
export interface Recipe {
  /** Null for a script of no framework that is known. */
  readonly framework: string | null;
  /** How it saves regularly. */
  readonly save: string;
  /** How it saves once more when it is told to stop. */
  readonly react: string;
  readonly resume: string;
}

/** Where all of it is explained. */
const GUIDE = 'docs/writing-a-script.md';

const PLAIN: Recipe = {
  framework: null,
  save: `save regularly below $RUNCTL_CHECKPOINT_DIR, each time under a temporary name that is then renamed (${GUIDE}, "Save atomically")`,
  react: `on SIGTERM only set a flag; look at it after each step, then save under a temporary name, rename, and exit (${GUIDE}, "React to SIGTERM")`,
  resume: `load what $RUNCTL_RESUME_FROM names when it starts, before anything empties the checkpoint folder (${GUIDE}, "Resume")`,
};

const RECIPES = {
  trainer: {
    framework: 'Hugging Face Trainer',
    save: 'Hugging Face Trainer: TrainingArguments(output_dir=os.environ.get("RUNCTL_CHECKPOINT_DIR") or "out", save_strategy="steps", save_steps=…)',
    react:
      'Hugging Face Trainer: add a callback whose on_step_end sets control.should_save = control.should_training_stop = True once SIGTERM has come (version 5: enable_jit_checkpoint=True)',
    resume: 'Hugging Face Trainer: trainer.train(resume_from_checkpoint=os.environ.get("RUNCTL_RESUME_FROM") or None)',
  },
  lightning: {
    framework: 'Lightning',
    save: 'Lightning: ModelCheckpoint(dirpath=os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints", every_n_train_steps=…)',
    react:
      'Lightning: ModelCheckpoint(…, save_on_exception=True); without it Lightning ends at SIGTERM and saves nothing',
    resume: 'Lightning: trainer.fit(model, ckpt_path=os.environ.get("RUNCTL_RESUME_FROM") or None)',
  },
  keras: {
    framework: 'Keras',
    save: 'Keras: BackupAndRestore(os.environ.get("RUNCTL_CHECKPOINT_DIR") or "backup", save_freq=…, delete_checkpoint=False)',
    react:
      'Keras: on SIGTERM only set a flag; in on_train_batch_end of a callback of your own look at it, model.save(…) under a temporary name, rename, and sys.exit(143); not model.stop_training',
    resume: 'Keras: load the model that $RUNCTL_RESUME_FROM names, or use BackupAndRestore(…, delete_checkpoint=False)',
  },
  accelerate: {
    framework: 'accelerate',
    save: 'accelerate: accelerator.save_state(…) regularly, into a folder below $RUNCTL_CHECKPOINT_DIR with the step in its name',
    react:
      'accelerate: on SIGTERM only set a flag; look at it after each step, then accelerator.save_state(…) into a folder with the step in its name, and exit',
    resume: 'accelerate: accelerator.load_state(os.environ["RUNCTL_RESUME_FROM"]) where that is set',
  },
  xgboost: {
    framework: 'XGBoost',
    save: 'XGBoost: TrainingCheckPoint(os.environ.get("RUNCTL_CHECKPOINT_DIR") or "checkpoints", interval=…)',
    react:
      'XGBoost: on SIGTERM only set a flag; in after_iteration of a callback of your own save the model under a temporary name, rename, and return True',
    resume:
      'XGBoost: xgboost.train(…, xgb_model=os.environ.get("RUNCTL_RESUME_FROM") or None, num_boost_round=…) with the rounds that are left: it adds so many to those of the model',
  },
} as const satisfies Record<string, Recipe>;

type Known = keyof typeof RECIPES;

/** What tells the framework. All of it may be empty. */
export interface FrameworkTraces {
  /** The script's path; empty where none is known. */
  readonly script: string;
  /** Names of the recognisers that took the script's checkpoints. */
  readonly recognisers: readonly string[];
  /** The script, and the modules beside it. */
  readonly sources: readonly string[];
  /** Lines of its output. */
  readonly output: readonly string[];
}

const BY_CHECKPOINT: Readonly<Record<string, Known>> = {
  'hf-trainer': 'trainer',
  lightning: 'lightning',
  'keras-backup': 'keras',
  keras: 'keras',
  accelerate: 'accelerate',
  xgboost: 'xgboost',
};

/** The first that matches counts: what stands on another framework comes before it. */
const BY_SOURCE: readonly (readonly [RegExp, Known])[] = [
  [/^\s*(?:from|import)\s+(?:pytorch_lightning|lightning)\b/m, 'lightning'],
  [/^\s*(?:from\s+(?:transformers|trl)\b[^\n]*Trainer|[^\n]*\btransformers\.Trainer\b)/m, 'trainer'],
  [/^\s*(?:from|import)\s+(?:tensorflow\.)?keras\b|^\s*from\s+tensorflow\s+import\s+keras\b|\btf\.keras\./m, 'keras'],
  [/^\s*(?:from|import)\s+accelerate\b/m, 'accelerate'],
  [/^\s*(?:from|import)\s+xgboost\b/m, 'xgboost'],
];

const BY_OUTPUT: readonly (readonly [RegExp, Known])[] = [
  [/`Trainer\.fit` stopped|, v_num=/, 'lightning'],
  [/\*{3,} Running training \*{3,}|^\{'loss': .*'epoch': /, 'trainer'],
  [/\d+\/\d+ .*ms\/step - /, 'keras'],
  [/^\[\d+\]\t\S+:/, 'xgboost'],
];

/** The recipe for a script: by what its checkpoints are, else by what it imports, else by what it prints. */
export function recipeFor(traces: FrameworkTraces): Recipe {
  const byCheckpoint = traces.recognisers.map((name) => BY_CHECKPOINT[name]).find((known) => known !== undefined);
  const known = byCheckpoint ?? firstMatch(BY_SOURCE, traces.sources) ?? firstMatch(BY_OUTPUT, traces.output);
  const recipe = known === undefined ? PLAIN : RECIPES[known];
  if (!traces.script.endsWith('.sh')) return recipe;
  return {
    ...recipe,
    react: `${recipe.react}; and let the shell become the trainer (exec python …), so that it hears SIGTERM in its place`,
  };
}

function firstMatch(patterns: typeof BY_SOURCE, texts: readonly string[]): Known | undefined {
  return patterns.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1];
}

"""`python -m medloc`: which commands there are."""

COMMANDS = {
    "run": "train, evaluate, leave a record; -m sweeps",
    "reproduce": "the runs behind the paper's tables and figures: what is missing, and making it",
    "report": "tables from the records",
    "publish": "the committed form of finished runs: records from which every table and figure can be made",
    "dashboard": "a W&B workspace with the paper's figures as panels, and the report beside it",
    "replay": "feed a run's IoUs to another curriculum, without training",
    "score": "score a samples.jsonl again, without a GPU",
    "data": "images and boxes of any form become one manifest: prepare, check, show, export",
    "probe": "before training: how many groups are dead at which threshold",
    "predict": "ask a trained checkpoint about images: boxes as JSON, and drawn",
    "pretrain": "make a tiny base from general shapes",
}

if __name__ == "__main__":
    print("medloc: performance-aware reward curricula for medical visual grounding (arXiv:2603.28120)\n")
    for name, purpose in COMMANDS.items():
        print(f"  python -m medloc.{name:<10} {purpose}")
    print("\nEach explains itself with --help.")

"""Your own TRL script with the curriculum in it: what medloc adds stands between the two marks."""

from trl import GRPOConfig, GRPOTrainer


def train(model, processor, rows, folder, resume=False, **more):
    """Rows have `prompt`, `image` and `truth`: x0, y0, x1, y1 in the pixels in which the model answers."""
    arguments = GRPOConfig(
        output_dir=folder,
        **{
            "num_generations": 8,
            "per_device_train_batch_size": 64,
            "max_completion_length": 32,
            "beta": 0.04,
            "report_to": "none",
            **more,
        },
    )
    # >>> medloc
    from medloc.dropin.trl import CurriculumReward

    curriculum = CurriculumReward("schedule=piecewise", "window.size=30")
    ours = {"reward_funcs": curriculum, "callbacks": [curriculum]}
    # <<< medloc
    trainer = GRPOTrainer(model=model, processing_class=processor, args=arguments, train_dataset=rows, **ours)
    trainer.train(resume_from_checkpoint=resume)
    return curriculum

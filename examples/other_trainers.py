"""The curriculum as the reward functions that verl, EasyR1 and ms-swift ask for; name this file in their settings.

All three share one object, because the threshold belongs to the run and not to a call. They have to be called in one
process: in verl leave the reward manager unparallelised (`reward_model.launch_reward_fn_async=false`).
"""

from medloc.dropin.plain import PlainReward

reward = PlainReward("schedule=piecewise", "window.size=30", group_size=8, groups_per_step=8)


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """verl: `custom_reward_function.path=examples/other_trainers.py`; rows of a validation split do not count."""
    counts = (extra_info or {}).get("split", "train") == "train"
    return (reward if counts else reward.score)(solution_str, ground_truth)


def compute_scores(reward_inputs):
    """EasyR1: `worker.reward.reward_function=examples/other_trainers.py:compute_scores`, reward_type=batch."""
    paid = [reward(each["response"], each["ground_truth"]) for each in reward_inputs]
    return [{"overall": one, "accuracy": one} for one in paid]


class MedlocReward:
    """ms-swift: `--external_plugins`, and there `orms["medloc"] = MedlocReward`; `solution` is the true box."""

    def __init__(self, *_, **__):
        """Takes what ms-swift hands to its plugins, and needs none of it."""

    def __call__(self, completions, solution, **_):
        """Return a reward per completion."""
        return [reward(text, truth) for text, truth in zip(completions, solution, strict=True)]

"""`python -m medloc.pretrain`: make a tiny base from general shapes. `--help` teaches."""

import os
import sys
from pathlib import Path

from medloc.cli import entry
from medloc.spec.machine import CONF


@entry("pretrain", "the same command goes on from the newest checkpoint.")
def main(arguments: list[str]) -> int:
    """Run the command line, which Hydra reads from `sys.argv`; return 0."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then hands its errors to us
    import hydra
    from omegaconf import DictConfig, OmegaConf

    from medloc.spec.compose import register
    from medloc.spec.fields import check_values
    from medloc.spec.pretrain import PretrainSettings

    register()

    @hydra.main(version_base="1.3", config_path=str(CONF / "pretrain"), config_name="pretrain")
    def pretrain(config: DictConfig) -> None:
        settings = OmegaConf.to_object(config)
        assert isinstance(settings, PretrainSettings)
        check_values(settings)
        from medloc.training.pretraining import pretrain_base  # imports torch, which --help does not need

        folder = pretrain_base(settings)
        print(f"base: {Path(folder).resolve()}")

    pretrain()
    return 0


if __name__ == "__main__":
    sys.exit(main())

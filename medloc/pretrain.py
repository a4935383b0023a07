"""`python -m medloc.pretrain`: make a tiny base from general shapes. `--help` teaches."""

import os
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from medloc.spec.compose import register
from medloc.spec.errors import COMPOSITION_ERRORS, composition_error
from medloc.spec.machine import CONF
from medloc.spec.pretrain import PretrainSettings
from medloc.spec.stopping import stopped

register()


@hydra.main(version_base="1.3", config_path=str(CONF / "pretrain"), config_name="pretrain")
def _pretrain(config: DictConfig) -> None:
    settings = OmegaConf.to_object(config)
    assert isinstance(settings, PretrainSettings)
    from medloc.training.pretraining.recipes import make  # its recipes import torch, and --help has no need of it

    folder = make(settings)
    print(f"base: {Path(folder).resolve()}")


def main() -> int:
    """Runs the command line; returns 0, or 2 with one line on what is wrong."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        _pretrain()
    except COMPOSITION_ERRORS as error:
        print(f"medloc.pretrain: {composition_error(error, 'pretrain')}", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"medloc.pretrain: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return stopped("pretrain", "the same command goes on from the newest checkpoint.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The embedded CLIP's training from end to end at toy size: draw, train, save, load as any other CLIP."""

from pathlib import Path

import pytest
import torch
from promptbrush.editing.training import BPE_NAME, FacePairs, clip_trainer, save_clip
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.guidance.perceptor import load_perceptor
from promptbrush.guidance.training.clip import ClipSettings


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 16, 64)


def test_a_trained_clip_loads_and_gives_the_same_features(faces: FaceSet, tmp_path: Path) -> None:
    trainer = clip_trainer(faces, tmp_path / "work", ClipSettings(steps=2, batch=4))
    list(trainer.run())
    save_clip(trainer, faces, tmp_path / "work" / BPE_NAME, tmp_path / "clip")
    files = {path.name for path in (tmp_path / "clip").iterdir()}
    assert files == {"clip.json", "clip.safetensors", "bpe.txt.gz"}
    perceptor = load_perceptor(tmp_path / "clip")
    trainer.model.eval()
    images = FacePairs(faces).images(torch.arange(3))
    with torch.no_grad():
        ours = perceptor.encode_image(images)
        theirs = torch.nn.functional.normalize(trainer.model.encode_image(images * 2 - 1).float(), dim=-1)
        words = perceptor.encode_text(["a face with pink hair"])
        tokens = trainer.tokenizer(["a face with pink hair"])
        expected = torch.nn.functional.normalize(trainer.model.encode_text(tokens), dim=-1)
    assert torch.allclose(ours, theirs, atol=2e-3)
    assert torch.allclose(words, expected, atol=2e-3)

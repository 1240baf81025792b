"""Prompts: what is text, what is weight, and that no prompt is misread in silence."""

from __future__ import annotations

import math
import time

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from promptbrush import InputFileError, UsageError
from promptbrush.guidance.prompts import Prompt, encode_prompts, load_templates, parse_prompts, text_features


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a red hat", [("a red hat", 1.0, False)]),
        ("a red hat:1.5|glasses : -.5", [("a red hat", 1.5, False), ("glasses", -0.5, False)]),
        ("@mood.png:0.3", [("mood.png", 0.3, True)]),
        (r"@C:\pictures\mood.png", [(r"C:\pictures\mood.png", 1.0, True)]),
        ("a clock at 10:30", [("a clock at 10:30", 1.0, False)]),
        ("ratio 3:2 picture", [("ratio 3:2 picture", 1.0, False)]),
        ("ratio 3:2", [("ratio 3:2", 1.0, False)]),
        ("route 66:0.5", [("route 66", 0.5, False)]),
        ("route 66 :2", [("route 66", 2.0, False)]),
        ("a clock at 10:30:0.5", [("a clock at 10:30", 0.5, False)]),
        ("title: a cat", [("title: a cat", 1.0, False)]),
        ("size:1e-1", [("size", 0.1, False)]),
        (r"this \| that:2", [("this | that", 2.0, False)]),
        (r"hat\:2", [("hat:2", 1.0, False)]),
        (r"\@home", [("@home", 1.0, False)]),
        ("🎨:2 | 日本の髪", [("🎨", 2.0, False), ("日本の髪", 1.0, False)]),
    ],
)
def test_parts_and_weights(text, expected):
    assert [(p.text, p.weight, p.is_image) for p in parse_prompts(text)] == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a||b", "part 2"),
        ("a|", "part 2"),
        (":0.5", "':0.5'"),
        ("@", "'@'"),
        ("@:2", "'@:2'"),
        ("hat:nan", "nan"),
        ("hat:-inf", "-inf"),
        ("hat:1e999", "inf"),
        ("hat:1e300", "the weight 1e+300 of 'hat' is out of range; give 0, or 0.000001 to 1000000"),
        ("hat:-2000000", "the weight -2000000.0 of 'hat' is out of range"),
        ("cap | hat:1e-60", "the weight 1e-60 of 'hat' is out of range"),
        ("hat:0 | cap:0", "all weights"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_value(text, told):
    with pytest.raises(UsageError) as caught:
        parse_prompts(text)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_the_error_of_a_long_prompt_is_short():
    with pytest.raises(UsageError) as caught:
        parse_prompts("word " * 10_000 + ":nan")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["a" + " " * 20_000 + "b", "a :" * 20_000 + "x", ": " * 20_000 + "1x"])
def test_no_prompt_takes_long(text):
    started = time.perf_counter()
    parse_prompts(text)
    assert time.perf_counter() - started < 1


texts = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)
weights = st.just(0.0) | st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6)


@given(st.lists(st.builds(Prompt, texts, weights, st.booleans()), min_size=1, max_size=4))
def test_written_prompts_read_back(prompts):
    prompts = (*prompts, Prompt("an anchor", 1.0))
    assert parse_prompts(" | ".join(map(str, prompts))) == prompts


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused_politely(text):
    try:
        prompts = parse_prompts(text)
    except UsageError:
        return
    assert all(prompt.text.strip() and math.isfinite(prompt.weight) for prompt in prompts)


def test_template_sets():
    published = [template("X") for template in open_clip.OPENAI_IMAGENET_TEMPLATES]
    assert [template("X") for template in load_templates("imagenet80")] == published
    published.remove("a photo of many X.")
    assert [template("X") for template in load_templates("imagenet79")] == published
    assert [template("X") for template in load_templates("none")] == ["X"]


def test_templates_from_a_file(tmp_path):
    path = tmp_path / "templates.txt"
    path.write_text("a {} in {braces}\n\n  {}, drawn {}\n", encoding="utf-8")
    assert [t("cat {x}") for t in load_templates(path)] == ["a cat {x} in {braces}", "cat {x}, drawn cat {x}"]
    path.write_text("a {}\nno place\n", encoding="utf-8")
    with pytest.raises(InputFileError, match="line 2"):
        load_templates(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputFileError, match=r"templates\.txt"):
        load_templates(path)
    path.write_text("\n")
    with pytest.raises(InputFileError, match="no template"):
        load_templates(path)


def test_unknown_templates_get_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'imagenet79'"):
        load_templates("imagenet7")


def test_unit_and_raw_averages(perceptor):
    templates = load_templates("imagenet79")
    sentences = [template("cat") for template in templates]
    raw, unit = perceptor.encode_text(sentences, normalise=False), perceptor.encode_text(sentences)
    assert torch.allclose(F.normalize(raw, dim=1), unit, atol=1e-6)
    assert torch.allclose(
        text_features(perceptor, "cat", templates), F.normalize(unit.mean(0), dim=0), atol=1e-6
    )
    averaged = text_features(perceptor, "cat", templates, "raw")
    assert torch.allclose(averaged, F.normalize(raw.mean(0), dim=0), atol=1e-6)
    assert not torch.allclose(averaged, text_features(perceptor, "cat", templates), atol=1e-5)


class RecordedTexts:
    """A perceptor whose raw text features were recorded."""

    device = torch.device("cpu")

    def __init__(self, raw: np.ndarray):
        self.raw = torch.from_numpy(raw)

    def encode_text(self, texts, normalise=True):
        assert len(texts) == len(self.raw)
        return F.normalize(self.raw, dim=1) if normalise else self.raw


@pytest.mark.parametrize("which", ["prompt", "source"])
def test_raw_average_is_clipstylers(golden, which):
    data = golden("clipstyler_text_tv")
    perceptor = RecordedTexts(data[f"txt_{which}_raw"])
    features = text_features(perceptor, "x", load_templates("imagenet79"), "raw")
    assert np.allclose(features, data[f"txt_{which}_feat"][0], atol=1e-6)


def test_encoding_keeps_weights_pictures_and_tells_what_is_cut(perceptor, tmp_path):
    picture = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    asked = []

    def load_image(path):
        asked.append(path.name)
        return picture

    long = " ".join(["word"] * 40)
    prompts = parse_prompts(f"red hair:2 | @mood.png:-0.5 | {long}")
    found = encode_prompts(perceptor, prompts, load_image=load_image)
    assert found.weights.tolist() == [2.0, -0.5, 1.0]
    assert found.truncated == (long,) and asked == ["mood.png"]
    assert torch.allclose(found.features[1], perceptor.encode_image(picture)[0], atol=1e-6)
    assert torch.allclose(found.features[0], perceptor.encode_text(["red hair"])[0], atol=1e-6)
    assert torch.allclose(found.features.norm(dim=1), torch.ones(3), atol=1e-5)


def test_a_template_can_push_a_text_over_the_edge(perceptor, tmp_path):
    path = tmp_path / "templates.txt"
    path.write_text("{}\n" + "a " * 8 + "{}\n")
    prompts = parse_prompts("a a a")
    assert encode_prompts(perceptor, prompts).truncated == ()
    assert encode_prompts(perceptor, prompts, load_templates(path)).truncated == ("a a a",)


def test_encoding_refuses(perceptor):
    with pytest.raises(UsageError, match=r"mood\.png"):
        encode_prompts(perceptor, parse_prompts("@mood.png"))
    with pytest.raises(UsageError, match="no prompt"):
        encode_prompts(perceptor, [Prompt("a", 0.0)])
    with pytest.raises(UsageError, match="choose from"):
        encode_prompts(perceptor, parse_prompts("a"), average="median")

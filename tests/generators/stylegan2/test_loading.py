"""Formats are told apart by content, conversion loses nothing, and writing is all or nothing."""

import argparse
import json
import os
import sys

import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators import import_checkpoint, load_discriminator, load_generator, save_generator
from promptbrush.generators.stylegan2 import read_metadata
from promptbrush.generators.stylegan2.loading import Format, detect_format
from safetensors.torch import save_file

FILES = ["ada_tiny.pkl", "ada_cond_tiny.pkl", "sg3_tiny.pkl", "rosinality_tiny.pt"]


def same(one, two):
    assert one.config == two.config
    first, second = one.state_dict(), two.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", FILES)
def test_import_keeps_everything_whatever_the_file_is_called(golden_folder, tmp_path, name):
    disguised = tmp_path / "weights.bin"
    disguised.write_bytes((golden_folder / name).read_bytes())
    target = tmp_path / "weights.txt"
    import_checkpoint(disguised, target)
    same(load_generator(target), load_generator(golden_folder / name))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["weights.bin", "weights.txt"]
    assert read_metadata(target)["source"] == "weights.bin"


def test_import_does_not_overwrite_unless_asked(golden_folder, tmp_path):
    target = tmp_path / "mine.safetensors"
    target.write_text("precious")
    with pytest.raises(InputFileError, match="exists already"):
        import_checkpoint(golden_folder / "sg3_tiny.pkl", target)
    assert target.read_text() == "precious"
    import_checkpoint(golden_folder / "sg3_tiny.pkl", target, overwrite=True)
    assert load_generator(target).resolution == 16


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have only names in Unicode")
def test_import_of_a_name_that_is_not_unicode(golden_folder, tmp_path):
    source = tmp_path / os.fsdecode(b"caf\xe9.pkl")
    source.write_bytes((golden_folder / "sg3_tiny.pkl").read_bytes())
    import_checkpoint(source, tmp_path / "mine.safetensors")
    assert read_metadata(tmp_path / "mine.safetensors")["source"] == "caf\ufffd.pkl"


def test_failed_import_leaves_the_old_file(tmp_path):
    (tmp_path / "bad.pkl").write_bytes(b"\x80\x03")
    (tmp_path / "mine.safetensors").write_text("precious")
    with pytest.raises(InputFileError, match=r"bad\.pkl"):
        import_checkpoint(tmp_path / "bad.pkl", tmp_path / "mine.safetensors", overwrite=True)
    assert (tmp_path / "mine.safetensors").read_text() == "precious"


def test_unwritable_folder(make_generator, tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere.*cannot be written"):
        save_generator(make_generator(), tmp_path / "nowhere" / "x.safetensors")


def test_saving_to_half_precision(make_generator, tmp_path):
    model = make_generator()
    save_generator(model, tmp_path / "half", {"license": "CC0"}, dtype=torch.float16)
    loaded = load_generator(tmp_path / "half")
    assert read_metadata(tmp_path / "half")["license"] == "CC0"
    assert (tmp_path / "half").stat().st_size < 0.75 * 4 * sum(v.numel() for v in model.state_dict().values())
    assert loaded.synthesis.b8.conv1.weight.dtype == torch.float32
    torch.testing.assert_close(loaded.w_avg, model.w_avg, rtol=1e-3, atol=1e-3)


def test_loaded_networks_are_frozen_and_in_eval_mode(official):
    for network in (official.generator, official.discriminator):
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())
        assert all(p.dtype == torch.float32 for p in network.parameters())


def test_settings_come_from_the_file(golden_folder):
    config = load_generator(golden_folder / "ada_cond_tiny.pkl").config
    assert (config.z_dim, config.w_dim, config.c_dim, config.mapping_layers) == (24, 16, 3, 3)
    assert (config.conv_clamp, config.num_ws, config.w_avg_beta) == (1.5, 6, 0.995)
    assert dict(config.channels) == {4: 24, 8: 24, 16: 16}
    assert load_generator(golden_folder / "sg3_tiny.pkl").config.w_avg_beta == 0.998
    assert load_discriminator(golden_folder / "ada_cond_tiny.pkl").config.mbstd_group_size == 3


def test_discriminator_round_trip(golden_folder, tmp_path):
    original = load_discriminator(golden_folder / "ada_cond_tiny.pkl")
    save_generator(original, tmp_path / "d.safetensors")
    same(load_discriminator(tmp_path / "d.safetensors"), original)
    with pytest.raises(InputFileError, match="not 'stylegan2'"):
        load_generator(tmp_path / "d.safetensors")


@pytest.fixture
def rosinality_content(golden_folder):
    return torch.load(golden_folder / "rosinality_tiny.pt", weights_only=True)


def test_missing_average_is_estimated(rosinality_content, rosinality, tmp_path):
    del rosinality_content["latent_avg"]
    torch.save(rosinality_content, tmp_path / "x.pt")
    model, again = load_generator(tmp_path / "x.pt"), load_generator(tmp_path / "x.pt")
    z = torch.randn(20_000, model.z_dim, generator=torch.Generator().manual_seed(5))
    w = model.mapping.single(z)
    # The mean of 4096 samples: within 5 of its standard errors, and the same every time.
    assert ((model.w_avg - w.mean(0)).abs() <= 5 * w.std(0) / 4096**0.5).all()
    assert torch.equal(model.w_avg, again.w_avg)


def test_training_snapshots_with_a_namespace(rosinality_content, rosinality, tmp_path):
    content = {**rosinality_content, "args": argparse.Namespace(size=32), "ada_aug_p": 0.1}
    torch.save(content, tmp_path / "new.pt")
    torch.save(content, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    same(load_generator(tmp_path / "new.pt"), rosinality.generator)
    same(load_generator(tmp_path / "old.pt"), rosinality.generator)


def test_decoder_of_a_mapper_checkpoint(rosinality_content, rosinality, tmp_path):
    decoder = {f"decoder.{key}": value for key, value in rosinality_content["g_ema"].items()}
    mapper = {"mapper.course_mapping.weight": torch.zeros(3)}
    content = {"state_dict": {**mapper, **decoder}, "latent_avg": rosinality_content["latent_avg"]}
    torch.save(content, tmp_path / "mapper.pt")
    same(load_generator(tmp_path / "mapper.pt"), rosinality.generator)


def test_missing_noise_maps_are_made_up_reproducibly(rosinality_content, rosinality, tmp_path):
    kept = {k: v for k, v in rosinality_content["g_ema"].items() if not k.startswith("noises.")}
    torch.save({**rosinality_content, "g_ema": kept}, tmp_path / "x.pt")
    model = load_generator(tmp_path / "x.pt")
    same(model, load_generator(tmp_path / "x.pt"))
    ws = rosinality["wplus"]
    assert torch.equal(model.synthesis(ws, "none"), rosinality.generator.synthesis(ws, "none"))


def test_missing_weight_is_named(rosinality_content, tmp_path):
    del rosinality_content["g_ema"]["to_rgbs.1.bias"]
    torch.save(rosinality_content, tmp_path / "x.pt")
    with pytest.raises(InputFileError, match=r"x\.pt: .*to_rgbs\.1\.bias"):
        load_generator(tmp_path / "x.pt")


def test_configuration_is_json_in_the_header(make_generator, tmp_path):
    save_generator(make_generator(conv_clamp=2.5), tmp_path / "x")
    config = json.loads(read_metadata(tmp_path / "x")["config"])
    assert config["channels"] == {"4": 12, "8": 12, "16": 8}
    assert config["conv_clamp"] == 2.5


def test_a_header_whose_length_begins_like_a_pickle_is_still_ours(tmp_path):
    path = tmp_path / "model.safetensors"
    for padding in range(0, 256, 8):
        config = json.dumps({"padding": "x" * padding})
        save_file({"w": torch.zeros(1)}, path, metadata={"about": config})
        assert detect_format(path) is Format.SAFETENSORS, path.read_bytes()[:9]

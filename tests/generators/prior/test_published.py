"""The network of the published checkpoints against numbers recorded from the original."""

from __future__ import annotations

import pytest
import torch
from promptbrush.generators.prior.published import PublishedPrior

TIGHT = {"atol": 1e-5, "rtol": 1e-5}


def test_it_has_as_many_parameters_as_the_published_one() -> None:
    with torch.device("meta"):
        network = PublishedPrior()
    assert sum(each.numel() for each in network.parameters()) == 48_767_872


def test_relative_bias(network: PublishedPrior, golden: dict[str, torch.Tensor]) -> None:
    found = network.causal_transformer.rel_pos_bias(4, 5)
    torch.testing.assert_close(found, golden["relpos_bias_4x5"], **TIGHT)


def test_distant_places_share_their_bias(network: PublishedPrior) -> None:
    bias = network.causal_transformer.rel_pos_bias(160, 161)
    assert torch.equal(bias[:, 159, 0], bias[:, 159, 20])  # 159 and 139 places away
    assert not torch.equal(bias[:, 15, 0], bias[:, 15, 1])  # 15 and 14
    assert torch.equal(bias[:, 3, 4], bias[:, 3, 3])  # what comes later counts as the same place


def test_rotary(network: PublishedPrior, golden: dict[str, torch.Tensor]) -> None:
    rotary = network.causal_transformer.layers[0][0].rotary_emb
    torch.testing.assert_close(rotary.freqs, golden["rotary_freqs"], **TIGHT)
    torch.testing.assert_close(rotary(golden["rotary_in"]), golden["rotary_out"], **TIGHT)


def test_parts_of_the_transformer(network: PublishedPrior, golden: dict[str, torch.Tensor]) -> None:
    attend, feed = network.causal_transformer.layers[0]
    x = golden["attn_in"]
    torch.testing.assert_close(attend(x), golden["attn_out_nobias"], **TIGHT)
    torch.testing.assert_close(feed(x), golden["ff_out"], **TIGHT)
    torch.testing.assert_close(network.causal_transformer(x), golden["transformer_out"], **TIGHT)


@pytest.mark.parametrize("known", ["all", "none", "some"])
def test_whole_network(network: PublishedPrior, golden: dict[str, torch.Tensor], known: str) -> None:
    wanted = {"all": "net_out", "none": "net_out_null", "some": "net_out_mask"}[known]
    keep = {"all": None, "none": torch.zeros(3, dtype=torch.bool), "some": golden["net_keep_mask"]}[known]
    found = network(golden["net_x"][:, None], golden["net_t"], golden["net_cond"], keep)
    torch.testing.assert_close(found[:, 0], golden[wanted], **TIGHT)


@pytest.mark.parametrize("null", [False, True])
def test_several_latents(triple: PublishedPrior, golden: dict[str, torch.Tensor], null: bool) -> None:
    keep = torch.zeros(2, dtype=torch.bool) if null else None
    found = triple(golden["wplus_x"], golden["wplus_t"], golden["wplus_cond"], keep)
    torch.testing.assert_close(found, golden["wplus_out_null" if null else "wplus_out"], **TIGHT)

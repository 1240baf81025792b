"""The network of the published clip2latent checkpoints: a causal transformer over a handful of tokens.

The diffusion prior of Ramesh et al. 2022 without text encodings, with one key and value head for all queries
(Shazeer 2019), rotary places (Su et al. 2021) and the relative bias of T5 (Raffel et al. 2020). Module and parameter
names are those of the checkpoints.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BUCKETS, _FURTHEST = 32, 128
_ROTARY_DIMS, _ROTARY_BASE = 32, 10_000
_WIDER = 4


class Norm(nn.Module):
    """Layer normalisation with a learned gain; the shift is a buffer that stays 0."""

    beta: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))
        self.register_buffer("beta", torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        """(...,dim) -> (...,dim)."""
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta)


class Rotary(nn.Module):
    """Turns pairs of neighbouring numbers by the place of a token."""

    freqs: Tensor

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.register_buffer("freqs", _ROTARY_BASE ** -(torch.arange(0, dims, 2).float() / dims))

    def forward(self, x: Tensor) -> Tensor:
        """(...,N,dims or more) -> the same; what is beyond `dims` stays."""
        angles = torch.arange(x.shape[-2], device=x.device)[:, None] * self.freqs
        dims = 2 * len(self.freqs)
        turned, rest = x[..., :dims], x[..., dims:]
        even, odd = turned[..., 0::2], turned[..., 1::2]
        sin, cos = angles.sin(), angles.cos()
        both = torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1)
        return torch.cat([both.flatten(-2), rest], dim=-1)


class RelativeBias(nn.Module):
    """A learned bias for how far a key lies before a query, each distance its own up to 16, then in growing steps."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.relative_attention_bias = nn.Embedding(_BUCKETS, heads)

    def forward(self, queries: int, keys: int) -> Tensor:
        """(heads,queries,keys); the first key is the null key, and counts as a place."""
        device = self.relative_attention_bias.weight.device
        places = [torch.arange(count, device=device) for count in (queries, keys)]
        before = (places[0][:, None] - places[1]).clamp(min=0)
        exact = _BUCKETS // 2
        share = torch.log(before.clamp(min=1).float() / exact) / math.log(_FURTHEST / exact)
        far = (exact + (share * exact).long()).clamp(max=_BUCKETS - 1)
        bias: Tensor = self.relative_attention_bias(torch.where(before < exact, before, far))
        return bias.permute(2, 0, 1)


class Attention(nn.Module):
    """Causal attention of several query heads to one key and value head and a learned null key."""

    def __init__(self, dim: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, dim_head**-0.5
        self.null_kv = nn.Parameter(torch.randn(2, dim_head))
        self.norm = Norm(dim)
        self.to_q = nn.Linear(dim, heads * dim_head, bias=False)
        self.to_kv = nn.Linear(dim, 2 * dim_head, bias=False)
        self.rotary_emb = Rotary(min(_ROTARY_DIMS, dim_head))
        self.to_out = nn.Sequential(nn.Linear(heads * dim_head, dim, bias=False), Norm(dim))

    def forward(self, x: Tensor, bias: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        """x (B,N,dim) -> (B,N,dim).

        Args:
            bias: (heads,N,N+1), added to the logits; its first key is the null key.
            seen: (B,N) bool, tokens that may be attended to; all if None.
        """
        x = self.norm(x)
        query = self.to_q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) * self.scale
        key, value = self.to_kv(x).chunk(2, dim=-1)
        query, key = self.rotary_emb(query), self.rotary_emb(key)
        null = self.null_kv[:, None, None].expand(-1, len(x), -1, -1)
        key, value = torch.cat([null[0], key], dim=1), torch.cat([null[1], value], dim=1)
        logits = query @ key[:, None].transpose(-1, -2)
        if bias is not None:
            logits = logits + bias
        logits = logits.masked_fill(~self._allowed(x, seen), -torch.finfo(logits.dtype).max)
        mixed = logits.softmax(dim=-1, dtype=torch.float32).to(value.dtype) @ value[:, None]
        out: Tensor = self.to_out(mixed.transpose(1, 2).flatten(-2))
        return out

    @staticmethod
    def _allowed(x: Tensor, seen: Tensor | None) -> Tensor:
        """(B or 1,1,N,N+1): the null key, and the tokens up to the query's own that are seen."""
        count = x.shape[1]
        causal = torch.ones(count, count + 1, dtype=torch.bool, device=x.device).tril(1)[None, None]
        if seen is None:
            return causal
        return causal & F.pad(seen, (1, 0), value=True)[:, None, None]


class Gate(nn.Module):
    """SwiGLU (Shazeer 2020) with the gate in the second half."""

    def forward(self, x: Tensor) -> Tensor:
        """(...,2C) -> (...,C)."""
        value, gate = x.chunk(2, dim=-1)
        return value * F.silu(gate)


def feed_forward(dim: int) -> nn.Sequential:
    """Norm, widening, gate and back; dropout and an empty place stand where the checkpoints count them."""
    return nn.Sequential(
        Norm(dim),
        nn.Linear(dim, 2 * _WIDER * dim, bias=False),
        Gate(),
        nn.Identity(),
        nn.Identity(),
        nn.Linear(_WIDER * dim, dim, bias=False),
    )


class CausalTransformer(nn.Module):
    """Blocks of attention and feed-forward, which share one relative bias."""

    def __init__(self, dim: int, depth: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.rel_pos_bias = RelativeBias(heads)
        blocks = ([Attention(dim, heads, dim_head), feed_forward(dim)] for _ in range(depth))
        self.layers = nn.ModuleList(nn.ModuleList(block) for block in blocks)
        self.norm = Norm(dim)
        self.project_out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """x (B,N,dim) -> (B,N,dim); `seen` as for `Attention`."""
        bias = self.rel_pos_bias(x.shape[1], x.shape[1] + 1)
        for block in self.layers:
            attend, feed = block.children()
            x = x + attend(x, bias, seen)
            x = x + feed(x)
        out: Tensor = self.project_out(self.norm(x))
        return out


class PublishedPrior(nn.Module):
    """Noisy latents, their step and a condition -> the latents without noise.

    Args:
        dim: of latents and of the condition, which are the same. latents: how many a sample has.
        depth, heads, dim_head: of the transformer. steps: of the diffusion.
    """

    def __init__(
        self,
        dim: int = 512,
        depth: int = 12,
        heads: int = 12,
        dim_head: int = 64,
        steps: int = 1000,
        latents: int = 1,
    ) -> None:
        super().__init__()
        self.dim, self.depth, self.heads, self.dim_head = dim, depth, heads, dim_head
        self.steps, self.latents = steps, latents
        # Checkpoints of one latent hold the query without an axis for latents.
        self.learned_query = nn.Parameter(torch.randn((dim,) if latents == 1 else (latents, dim)))
        self.to_time_embeds = nn.Sequential(nn.Embedding(steps, dim))
        self.causal_transformer = CausalTransformer(dim, depth, heads, dim_head)

    @property
    def condition_dim(self) -> int:
        """Of what it is told."""
        return self.dim

    def forward(self, x: Tensor, step: Tensor, condition: Tensor, known: Tensor | None = None) -> Tensor:
        """x (B,G,dim) noisy latents, step (B,) in 0..steps-1, condition (B,dim) -> (B,G,dim).

        Args:
            known: (B,) bool, False where the condition is masked; all True if None.
        """
        query = self.learned_query.expand(len(x), self.latents, -1)
        time = self.to_time_embeds(step)
        tokens = torch.cat([condition[:, None], time[:, None], x, query], dim=1)
        seen = torch.ones(tokens.shape[:2], dtype=torch.bool, device=x.device)
        if known is not None:
            seen[:, 0] = known
        out: Tensor = self.causal_transformer(tokens, seen)[:, -self.latents :]
        return out

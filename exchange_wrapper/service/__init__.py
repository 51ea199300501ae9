"""The service: what runs, and the API over it."""

from exchange_wrapper.service.wrapper import ExchangeWrapper

__all__ = ["ExchangeWrapper"]

from pathlib import Path

RECORDED = (
    Path(__file__).resolve().parents[3] / "../shared/data/cryptofeed/coinbase-exchange-2021-04-17"
)

"""What a strategy shows and asks: components, kept in files that any process can read.

A strategy makes and changes them through `Components`; a server reads them with `list_components`,
`read_format`, `read_rows` and `tail`, which need the directory only.
"""

from cryptick.components.format import Axis, Column, Format
from cryptick.components.frontier import FrontierChart
from cryptick.components.inputs import Button, NumberInput, SelectInput
from cryptick.components.manager import (
    COMPONENT_CHANGED,
    COMPONENT_POST,
    ComponentChanged,
    Components,
)
from cryptick.components.outputs import (
    BarChart,
    CandlestickChart,
    Level,
    LineChart,
    MarkerKind,
    OrderTable,
    PieChart,
    ScatterChart,
    Table,
    TextLog,
)
from cryptick.components.posts import (
    NumberEntered,
    Posted,
    Pressed,
    Selected,
    SliderMoved,
    TargetChosen,
    read_post,
)
from cryptick.components.reading import Page, list_components, read_format, read_rows, tail

__all__ = [
    "COMPONENT_CHANGED",
    "COMPONENT_POST",
    "Axis",
    "BarChart",
    "Button",
    "CandlestickChart",
    "Column",
    "ComponentChanged",
    "Components",
    "Format",
    "FrontierChart",
    "Level",
    "LineChart",
    "MarkerKind",
    "NumberEntered",
    "NumberInput",
    "OrderTable",
    "Page",
    "PieChart",
    "Posted",
    "Pressed",
    "ScatterChart",
    "SelectInput",
    "Selected",
    "SliderMoved",
    "Table",
    "TargetChosen",
    "TextLog",
    "list_components",
    "read_format",
    "read_post",
    "read_rows",
    "tail",
]

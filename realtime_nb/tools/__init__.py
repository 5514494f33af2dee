"""Python functions as tools that a model may call: their JSON schema, validated arguments, and the call."""

from realtime_nb.tools.output import error_output as error_output
from realtime_nb.tools.tool import Tool as Tool
from realtime_nb.tools.tool import as_tool as as_tool

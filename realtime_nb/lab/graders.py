"""`rt.graders`: the graders that come with the lab; any function of a trial is one, too."""

from realtime_nb.lab.grading.builtin import contains as contains
from realtime_nb.lab.grading.builtin import length as length
from realtime_nb.lab.grading.builtin import matches as matches
from realtime_nb.lab.grading.builtin import no_tool_call as no_tool_call
from realtime_nb.lab.grading.builtin import tool_call as tool_call
from realtime_nb.lab.grading.gradable import Grader as Grader
from realtime_nb.lab.grading.judge import judge as judge
from realtime_nb.lab.grading.words import language as language
from realtime_nb.lab.grading.words import similarity as similarity
from realtime_nb.lab.grading.words import word_error_rate as word_error_rate

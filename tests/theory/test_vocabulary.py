"""The words of files and commands: what is compared of a run and its forecast, and what each thing is called."""

from theory.vocabulary import COMPARED, LengthControl, Quantity


def test_a_run_is_compared_in_all_that_is_forecast_but_the_share_that_ends_by_itself():
    assert COMPARED == ("accuracy", "length", "log_p", "entropy", "kl")
    assert {*Quantity} - {*COMPARED} == {"finished"}
    assert {*LengthControl} == {"none", "trajectory-balance", "content", "ignore-eos"}

import pytest

pytest.register_assert_rewrite("tests.hostile.check")  # its assertions are those of the tests

# SPDX-License-Identifier: GPL-2.0-or-later
"""What every test on real traffic shares: a small internet, a jail runner, a case framework."""

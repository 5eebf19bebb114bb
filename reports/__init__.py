"""Turns results files into one offline page; needs no torch, so it runs on a laptop on a file from any GPU."""

if __name__ != "rsc_bench.reports":
    raise ImportError(
        f"{__path__[0]} is a folder of RSC Bench and is imported as rsc_bench.reports: write "
        "`from rsc_bench.reports.figures import Figure` and the like; to use another package called `reports`, start Python in "
        "another folder",
        name=__name__,
    )

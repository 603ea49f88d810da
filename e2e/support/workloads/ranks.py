"""torchrun. Under Python 3.11 that of Debian's PyTorch 1.13 does not understand its own default of --redirects and --tee."""
from torch.distributed.elastic.multiprocessing import Std
from torch.distributed.run import main

Std.from_str = classmethod(lambda std, text: std.NONE)
main()

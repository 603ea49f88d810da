import os
import no_such_framework

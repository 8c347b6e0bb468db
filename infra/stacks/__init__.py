"""Each stack only composes constructs: four make a stage, the others its delivery."""

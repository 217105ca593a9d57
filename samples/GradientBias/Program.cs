using Contrastive.Samples.GradientBias;

return GradientBiasProgram.Run(args);

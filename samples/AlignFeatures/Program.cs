using Contrastive.Samples.AlignFeatures;

return AlignFeaturesProgram.Run(args);
